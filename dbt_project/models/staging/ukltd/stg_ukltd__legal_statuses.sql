with

source as (

    select * from {{ source('ukltd', 'lulq01') }}
    where {{ delivered_and_not_yet_typed() }}

),

trimmed as (

    select
        {{ trimmed_columns('lulq01') }}
    from source

),

typed as (

    select
        {{ typed_columns('lulq01') }}
    from trimmed

),

final as (

    select
        {{ staged_columns('lulq01') }}
    from typed

)

select * from final
