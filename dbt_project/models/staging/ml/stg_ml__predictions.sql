with

source as (

    select * from {{ source('ml', 'predictions') }}

),

renamed as (

    select
        score_month,
        company_number,
        model_name,
        model_version,
        run_id,
        score,
        probability,
        rank as prediction_rank
    from source

)

select * from renamed
