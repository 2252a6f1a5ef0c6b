with

companies as (

    select
        company_number,
        legal_status,
        dissolution_date,
        source_file,
        line_number,
        delivery_kind,
        snapshot_month
    from {{ ref('stg_ukltd__companies') }}
    where {{ delivered_by_build_month() }}

),

ranked as (

    select
        companies.*,
        {{ current_row_rank(['company_number', 'snapshot_month'], 'companies') }} as month_rank
    from companies

),

-- within month_rank 1 the row before is the one that the company's month before ended with
with_row_before as (

    select
        ranked.*,
        lag(snapshot_month) over company_months as snapshot_month_before,
        lag(legal_status) over company_months as legal_status_before,
        lag(dissolution_date) over company_months as dissolution_date_before
    from ranked
    window company_months as (partition by company_number, month_rank order by snapshot_month)

),

final as (

    select
        company_number,
        legal_status,
        dissolution_date,
        source_file,
        line_number,
        snapshot_month,
        case
            when not {{ is_company_number('company_number') }} then 'key does not parse'
            when month_rank > 1 then 'replaced by a later row of the month'
            when
                snapshot_month_before is not null
                and not (
                    legal_status is distinct from legal_status_before
                    or dissolution_date is distinct from dissolution_date_before
                )
                then 'status unchanged'
        end as left_out_reason
    from with_row_before

)

select * from final
