with

source as (

    select * from {{ source('ml', 'prediction_reasons') }}

)

select * from source
